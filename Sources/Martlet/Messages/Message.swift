/// What travels: a body of bytes, and headers.
///
/// The body is copied only when it is changed; handing a message on costs a reference count.
public struct Message: Sendable, Hashable {
    /// The content.
    public var body: [UInt8]
    /// What travels beside it.
    public var headers: Headers

    /// A message of bytes.
    public init(_ body: [UInt8] = [], headers: Headers = Headers()) {
        self.body = body
        self.headers = headers
    }

    /// A message of text, in UTF-8.
    public init(_ text: String, headers: Headers = Headers()) {
        self.init(Array(text.utf8), headers: headers)
    }

    /// The body read as UTF-8; `nil` if it is not.
    public var text: String? {
        String(validating: body, as: UTF8.self)
    }
}

extension Message: CustomStringConvertible {
    /// The sizes alone: bodies and headers may hold secrets and do not belong in logs.
    public var description: String {
        "Message(\(body.count) bytes, \(headers.count) headers)"
    }
}
