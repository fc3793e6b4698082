/// A key that no type declares: a position in an array, or `super`.
struct NameKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    static let `super` = NameKey(stringValue: "super")

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }

    /// The key of an array's element, called as Foundation calls it.
    init(position: Int) {
        stringValue = "Index \(position)"
        intValue = position
    }
}
