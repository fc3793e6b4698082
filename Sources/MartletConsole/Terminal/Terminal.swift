#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where the playground writes to: a terminal whose cursor can be moved, or a file, a pipe, a log that takes lines.
package struct Terminal: Sendable {
    /// Whether text can be drawn over text: a terminal that understands ANSI sequences. With `TERM=dumb` it doesn't.
    package let isInteractive: Bool

    /// Whether colours are welcome. `NO_COLOR`, if set to anything at all, asks for none (no-color.org).
    package let usesColor: Bool

    private let measure: @Sendable () -> TerminalSize
    private let output: @Sendable (String) -> Void

    /// Makes a terminal out of its parts, which is how tests look at what would be drawn.
    package init(
        isInteractive: Bool,
        usesColor: Bool,
        size: @escaping @Sendable () -> TerminalSize,
        output: @escaping @Sendable (String) -> Void
    ) {
        self.isInteractive = isInteractive
        self.usesColor = usesColor
        self.measure = size
        self.output = output
    }

    /// The terminal's size at this moment; a window may be resized at any time.
    package var size: TerminalSize { measure() }

    /// Writes text as it is, escape sequences included, and at once.
    package func write(_ text: String) { output(text) }
}

extension Terminal {
    /// Whether a file descriptor is an end of a pipe. It is asked in a module without Foundation: beside it, the compiler takes
    /// `stat` for one of CoreFoundation's in an optimised build, and refuses it.
    package static func isPipe(_ descriptor: CInt) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    /// This process's standard output.
    ///
    /// It shares its buffer with `print`, so that lines printed by others keep their place. What `LiveDisplay` may
    /// have changed, a hidden cursor for one, is put right whenever the process calls `exit`.
    package static let standardOutput: Terminal = {
        let kind = variable("TERM")
        let isInteractive = isatty(STDOUT_FILENO) == 1 && kind != nil && kind != "dumb"
        if isInteractive {
            atexit { emit(ControlSequence.restore) }
        }
        return Terminal(
            isInteractive: isInteractive,
            usesColor: isInteractive && variable("NO_COLOR") == nil,
            size: { windowSize(of: STDOUT_FILENO) },
            output: emit
        )
    }()

    @Sendable
    private static func emit(_ text: String) {
        print(text, terminator: "")
        fflush(nil)
    }

    /// What the system says about a terminal's size; 80 by 24 where it says nothing, as over a serial line.
    private static func windowSize(of descriptor: Int32) -> TerminalSize {
        var window = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
            return TerminalSize(columns: 80, rows: 24)
        }
        return TerminalSize(columns: Int(window.ws_col), rows: Int(window.ws_row))
    }

    /// An environment variable that is set and not empty.
    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }
}
