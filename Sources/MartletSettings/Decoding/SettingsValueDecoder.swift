/// What a type's own `init(from:)` is given.
struct SettingsValueDecoder: Decoder {
    let reading: SettingsReading
    let spot: SettingsSpot

    var codingPath: [any CodingKey] { spot.codingPath }
    var userInfo: [CodingUserInfoKey: Any] { reading.userInfo }

    func container<Key: CodingKey>(keyedBy _: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try SettingsKeyedContainer<Key>(reading, spot))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try SettingsUnkeyedContainer(reading, spot)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        reading.openOther()
        return SettingsSingleContainer(reading: reading, spot: spot)
    }
}

/// One value.
private struct SettingsSingleContainer: SingleValueDecodingContainer {
    let reading: SettingsReading
    let spot: SettingsSpot

    var codingPath: [any CodingKey] { spot.codingPath }

    func decodeNil() -> Bool { !reading.isSaid(spot) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try reading.value(type, at: spot) }
    func decode(_ type: Int128.Type) throws -> Int128 { try reading.value(type, at: spot) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try reading.value(type, at: spot) }
}

/// The key of an element of a list, and of what is read by `superDecoder()`.
struct SettingsKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = "\(intValue)"
        self.intValue = intValue
    }
}
