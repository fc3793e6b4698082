import Martlet

/// Texts that AMQP gives one byte for their length (AMQP 0-9-1, 4.2.5.3).
enum ShortText {
    static let maximumBytes = 255

    static func fits(_ text: String) -> Bool { text.utf8.count <= maximumBytes }

    /// Throws `MessagingError.Code.invalidArgument` for a text that is too long.
    static func check(_ text: String, _ what: String) throws {
        guard fits(text) else {
            throw MessagingError(
                .invalidArgument,
                "\(what) has \(text.utf8.count) bytes, and AMQP allows \(maximumBytes): \(quoted(text))"
            )
        }
    }
}
