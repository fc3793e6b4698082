/// Names that nobody else has.
enum UniqueName {
    static func make(_ prefix: String) -> String {
        "\(prefix).\(String(UInt64.random(in: 0...UInt64.max), radix: 36))\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
    }
}
