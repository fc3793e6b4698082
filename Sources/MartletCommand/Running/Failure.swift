import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Why the command could not do what it was asked to do, with what to do about it.
struct Failure: Error {
    let exit: CommandExit
    /// What happened, in one line or more.
    let message: String
    /// What whoever started it can do about it.
    let advice: String?

    init(_ exit: CommandExit, _ message: String, advice: String? = nil) {
        self.exit = exit
        self.message = message
        self.advice = advice
    }
}

extension Failure {
    /// - Parameter name: what was published to, called or consumed.
    init(_ error: MessagingError, about name: String) {
        let advice: String? =
            switch error.code {
            case .noResponder: "Nobody serves \(name) on this broker now: start who does, or check the name."
            case .timeout: "Give it more time with --timeout, or see whether the other side works."
            case .notConnected, .connectionLost, .connectionClosed: "See whether the broker runs."
            case .refused: Self.adviceOnRights
            case .goalRejected: "Try again when the server is done with its goal."
            default: nil
            }
        let exit: CommandExit =
            switch error.code {
            case .invalidTopic, .invalidFilter, .invalidQueue, .invalidArgument, .unsupported: .usage
            case .notConnected, .connectionLost, .connectionClosed: .unavailable
            case .timeout: .timeIsOver
            default: .failure
            }
        self.init(exit, "\(error)", advice: advice)
    }

    /// - Throws: ``Failure`` if a file can't be read, with what the system says.
    static func checkReadable(_ path: String) throws {
        if let folder = opendir(path) {
            closedir(folder)
            throw unreadable(path, EISDIR)
        }
        guard access(path, R_OK) == 0 else { throw unreadable(path, errno) }
    }

    /// - Throws: ``Failure`` if a folder can't be read, with what the system says.
    static func checkReadable(folder path: String) throws {
        guard let folder = opendir(path) else { throw unreadable(path, errno) }
        closedir(folder)
    }

    private static func unreadable(_ path: String, _ code: Int32) -> Failure {
        Failure(.noInput, "\(quoted(path)) can't be read: \(String(cString: strerror(code)))")
    }

    static var adviceOnRights: String {
        "The broker, or a rule of it, does not allow this: see the rights of the user."
    }

    /// The text for standard error.
    func text(style: TextStyle) -> String {
        let text = style.failure("martlet: ") + message.printableLines
        return text + (advice.map { "\n" + style.faint("  " + $0.printableLines) } ?? "") + "\n"
    }
}
