/// What a descriptor is watched for, and what it turned out to be ready for.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The standard library's own is generic, and not made for this type where another module uses it.
    package init(arrayLiteral elements: Interest...) {
        var bits: UInt8 = 0
        for element in elements { bits |= element.rawValue }
        self.init(rawValue: bits)
    }

    /// There is something to read, the other side has closed, or a connection waits to be accepted.
    package static let read = Interest(rawValue: 1)
    /// There is room to write, or a connection attempt has ended.
    package static let write = Interest(rawValue: 2)
}
