/// What a descriptor is watched for, and what it turned out to be ready for.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// There is something to read, the other side has closed, or a connection waits to be accepted.
    package static let read = Interest(rawValue: 1)
    /// There is room to write, or a connection attempt has ended.
    package static let write = Interest(rawValue: 2)
}
