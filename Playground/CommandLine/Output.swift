import MartletConsole

/// Where what the playground prints goes.
enum Output {
    /// Takes a line. By default it goes to standard output, at once; a test listens here instead.
    @TaskLocal static var write: @Sendable (String) -> Void = { Terminal.standardOutput.write($0 + "\n") }
}

/// Prints a line, as the standard library's `print` does, but to where ``Output`` says.
///
/// It has that name so that the examples read, and can be copied, as programs of their own.
func print(_ line: String) {
    Output.write(line)
}
