/// Sets text apart on a terminal that shows colours (ECMA-48's SGR); elsewhere it leaves it alone.
struct TextStyle: Sendable {
    let isUsed: Bool

    /// Of less interest.
    func faint(_ text: String) -> String { wrap(text, "2", "22") }
    func strong(_ text: String) -> String { wrap(text, "1", "22") }
    /// Names.
    func name(_ text: String) -> String { wrap(text, "36", "39") }
    func good(_ text: String) -> String { wrap(text, "32", "39") }
    func doubtful(_ text: String) -> String { wrap(text, "33", "39") }
    func failure(_ text: String) -> String { wrap(text, "31", "39") }
    /// The keys of JSON's objects.
    func key(_ text: String) -> String { wrap(text, "34", "39") }

    private func wrap(_ text: String, _ begin: String, _ end: String) -> String {
        isUsed && !text.isEmpty ? "\u{1B}[\(begin)m\(text)\u{1B}[\(end)m" : text
    }
}
