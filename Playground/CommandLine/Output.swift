import MartletConsole

/// Where what the playground prints goes.
enum Output {
    /// Where the lines of a task go. By default to standard output, at once; a test listens here instead.
    @TaskLocal static var listener: Listener?

    /// It is no closure by itself: as a task local that crashes in code that Swift 6.3 optimises.
    struct Listener: Sendable {
        let take: @Sendable (String) -> Void
    }
}

/// Prints a line, as the standard library's `print` does, but to where ``Output`` says.
///
/// It has that name so that the examples read, and can be copied, as programs of their own.
func print(_ line: String) {
    if let listener = Output.listener { listener.take(line) } else { Terminal.standardOutput.write(line + "\n") }
}
