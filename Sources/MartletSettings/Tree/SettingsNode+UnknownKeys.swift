extension SettingsNode {
    /// An error about a key that nobody knows.
    ///
    /// - Parameters:
    ///   - what: what the table is, such as `a route of topics`.
    ///   - known: the keys that it may have.
    func unknown(_ stranger: Member, _ what: String, known: [String]) -> SettingsError {
        let keys = known.isEmpty ? "keys" : known.sorted().joined(separator: ", ")
        let hint = KeySpelling.nearest(to: stranger.key, among: known).map { "; is \($0) meant?" } ?? ""
        return SettingsError(
            "\(what) has no key \(SettingsError.quoting(stranger.key)); it has \(known.isEmpty ? "no " : "")\(keys)\(hint)",
            path: path,
            at: stranger.place
        )
    }
}
