/// Text that is shown nowhere: neither in a description nor by `dump`, whatever holds it.
package struct Secret: Sendable, Hashable {
    /// The text itself.
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    /// What is shown in its place.
    package static let mask = "***"
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { Self.mask }
    package var debugDescription: String { Self.mask }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
