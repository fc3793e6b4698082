/// Why a state file can't be used.
public struct StateFileError: Error, Hashable, Sendable {
    /// What went wrong.
    public enum Code: Hashable, Sendable {
        /// Another process, or another part of this one, has it open.
        case inUse
        /// It can't be opened or read, or does not hold what the program remembers.
        case unreadable
        /// The new version could not be written; the old one is as it was.
        case notWritten
    }

    /// What went wrong.
    public let code: Code
    /// The file.
    public let path: String
    /// What went wrong, and why.
    public let message: String

    init(_ code: Code, _ path: String, _ message: String) {
        self.code = code
        self.path = path
        self.message = message
    }
}

extension StateFileError: CustomStringConvertible {
    /// The file, and what is wrong.
    public var description: String { "the state file \(path): \(message)" }
}
