/// Knows the type of the keys that a `Dictionary` encodes itself with, which the standard library does not name.
enum DictionaryKeys {
    static let type: ObjectIdentifier? = {
        let probe = Probe()
        try? [String: Bool]().encode(to: probe)
        return probe.type
    }()

    /// Is asked for a container by an empty dictionary, which then writes nothing.
    private final class Probe: Encoder {
        var type: ObjectIdentifier?
        let codingPath: [any CodingKey] = []
        let userInfo: [CodingUserInfoKey: Any] = [:]
        private let encoding = ValueEncoding(.json, userInfo: [:])

        func container<Key: CodingKey>(keyedBy _: Key.Type) -> KeyedEncodingContainer<Key> {
            type = ObjectIdentifier(Key.self)
            return KeyedEncodingContainer(ValueKeyedContainer<Key>(encoding, 0, .root))
        }

        func unkeyedContainer() -> any UnkeyedEncodingContainer { ValueUnkeyedContainer(encoding, 0, .root) }
        func singleValueContainer() -> any SingleValueEncodingContainer { ValueEncoder(encoding, 0, .root) }
    }
}
