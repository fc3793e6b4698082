/// One value of a document: what it is and where it stands.
///
/// The nodes of a document are in the order of its text. An array's elements follow it; an object's members do so too,
/// each as a key and a value.
struct DocumentNode: BitwiseCopyable {
    enum Kind: UInt8 {
        case null
        case `false`
        case `true`
        /// JSON text: digits, perhaps with a sign.
        case integerText
        /// JSON text of a number with a fraction or exponent.
        case numberText
        /// `NaN` and the infinities.
        case wordText
        /// UTF-8.
        case string
        /// UTF-8 with JSON's escapes.
        case escapedString
        case array
        case object
        /// A two's complement, the most significant byte first.
        case signed
        /// The same without a sign.
        case unsigned
        /// IEEE 754, of four or eight bytes, the most significant first.
        case float
        case binary
        /// A time, in the three forms of MessagePack.
        case timestamp
        /// Anything else that MessagePack extends itself with.
        case `extension`
    }

    let kind: Kind
    /// Whether the object has this key again further on.
    var isShadowed = false
    /// Of a scalar, where its bytes start. Of an object, the key that is probably wanted next.
    var start: UInt32
    /// Of a scalar, how many bytes it has. Of an array or object, how many elements or members.
    var count: UInt32
    /// The node after this one and all that is in it.
    var next: UInt32
}
