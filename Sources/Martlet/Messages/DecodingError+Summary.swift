extension DecodingError {
    /// What is wrong and where, without a word of the content: bodies do not belong in errors and logs.
    var summary: String {
        switch self {
        case .typeMismatch(let type, let context): "\(Self.path(context)) is no \(type)"
        case .valueNotFound(let type, let context): "\(Self.path(context)) has no \(type)"
        case .keyNotFound(let key, let context): "\(Self.path(context)) has no key \(quoted(key.stringValue))"
        case .dataCorrupted(let context): "\(Self.path(context)) is malformed"
        @unknown default: "it is malformed"
        }
    }

    private static func path(_ context: Context) -> String {
        guard !context.codingPath.isEmpty else { return "it" }
        return quoted(context.codingPath.map(\.stringValue).joined(separator: "."))
    }
}
