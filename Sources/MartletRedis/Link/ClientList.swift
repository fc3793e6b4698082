/// What `CLIENT LIST` answers: a line for each client, of fields such as `id=3 addr=127.0.0.1:50188 name=arm`.
enum ClientList {
    /// The number of the client that has a name.
    static func id(ofClientCalled name: String, in list: String) -> String? {
        for line in list.split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: " ")
            guard fields.contains(where: { $0 == "name=\(name)" }) else { continue }
            return fields.first { $0.hasPrefix("id=") }.map { String($0.dropFirst(3)) }
        }
        return nil
    }
}
