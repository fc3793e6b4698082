/// A content type as far as it says which codec reads a body: without case and parameters (RFC 9110, section 8.3.1), and
/// with one name where several are in use.
struct MediaType: Hashable {
    /// Such as `application/json`.
    let name: String

    /// - Returns: `nil` for one that says nothing: the empty text.
    init?(_ contentType: String) {
        let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
        switch type {
        case "": return nil
        // The first is what commlib-py's envelopes say.
        case "json", "text/json", "application/x-json": name = Self.json
        // An older and a registered name.
        case "application/x-msgpack", "application/vnd.msgpack": name = "application/msgpack"
        default: name = type
        }
    }

    static var json: String { "application/json" }

    /// Whether a body of this type is JSON, by its name or its suffix (RFC 6839, section 3.1).
    var isJSON: Bool { name == Self.json || name.hasSuffix("+json") }
}
