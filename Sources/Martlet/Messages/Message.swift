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

extension Message {
    /// About how many bytes it takes to keep: those of the body, and of the headers' names and values.
    package var weight: Int { headers.isEmpty ? body.count : body.count + headers.weight }
}

extension Headers {
    fileprivate var weight: Int { reduce(0) { $0 + $1.name.utf8.count + $1.value.weight } }
}

extension HeaderValue {
    fileprivate var weight: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .integer, .double, .boolean: 8
        }
    }
}

extension Message: CustomStringConvertible {
    /// The sizes alone: bodies and headers may hold secrets and do not belong in logs.
    public var description: String {
        "Message(\(body.count) bytes, \(headers.count) headers)"
    }
}
