/// Properties of MQTT 5, in the order in which they came.
package struct PropertyList: Sendable, Hashable {
    package enum Value: Sendable, Hashable {
        /// Of whatever form a number has.
        case number(UInt32)
        case text(String)
        case data([UInt8])
        case pair(String, String)
    }

    package struct Property: Sendable, Hashable {
        package let id: PropertyID
        package let value: Value

        package init(_ id: PropertyID, _ value: Value) {
            self.id = id
            self.value = value
        }
    }

    package var all: [Property]

    package init(_ all: [Property] = []) {
        self.all = all
    }

    package var isEmpty: Bool { all.isEmpty }

    package func has(_ id: PropertyID) -> Bool { all.contains { $0.id == id } }

    package func number(_ id: PropertyID) -> UInt32? {
        for property in all where property.id == id { if case .number(let number) = property.value { return number } }
        return nil
    }

    package func text(_ id: PropertyID) -> String? {
        for property in all where property.id == id { if case .text(let text) = property.value { return text } }
        return nil
    }

    package func data(_ id: PropertyID) -> [UInt8]? {
        for property in all where property.id == id { if case .data(let data) = property.value { return data } }
        return nil
    }

    /// The user properties.
    package var pairs: [(name: String, value: String)] {
        all.compactMap { if case .pair(let name, let value) = $0.value { (name, value) } else { nil } }
    }

    /// All of the Subscription Identifiers.
    package var subscriptionIdentifiers: [UInt32] {
        all.compactMap { property in
            guard property.id == .subscriptionIdentifier, case .number(let number) = property.value else { return nil }
            return number
        }
    }

    package mutating func add(_ id: PropertyID, _ number: UInt32) { all.append(Property(id, .number(number))) }
    package mutating func add(_ id: PropertyID, _ text: String) { all.append(Property(id, .text(text))) }
    package mutating func add(_ id: PropertyID, _ data: [UInt8]) { all.append(Property(id, .data(data))) }
    package mutating func add(_ name: String, value: String) { all.append(Property(.userProperty, .pair(name, value))) }

    package mutating func remove(_ id: PropertyID) { all.removeAll { $0.id == id } }
}
