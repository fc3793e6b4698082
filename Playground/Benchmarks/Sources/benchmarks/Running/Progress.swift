import Foundation

/// Says on standard error how far it is: on a terminal in one line that changes, elsewhere in one line for each workload.
struct Progress: Sendable {
    /// Whether it says nothing at all.
    private let isQuiet: Bool
    private let isLive = isatty(STDERR_FILENO) == 1

    init(isQuiet: Bool = false) { self.isQuiet = isQuiet }

    /// What is being done; only a terminal shows it.
    func now(_ text: String) {
        if isLive { write("\r\u{1B}[2K\(text.prefix(79))") }
    }

    /// What was done, or went wrong.
    func note(_ text: String) { write((isLive ? "\r\u{1B}[2K" : "") + text + "\n") }

    /// All is done.
    func end() {
        if isLive { write("\r\u{1B}[2K") }
    }

    private func write(_ text: String) {
        if !isQuiet { FileHandle.standardError.write(Data(text.utf8)) }
    }
}
