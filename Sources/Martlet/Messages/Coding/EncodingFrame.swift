/// A value that is being encoded: where it starts, and what it has turned out to be.
struct EncodingFrame {
    enum Kind {
        case undecided
        case scalar
        case array
        case object
        /// An object whose members are put in the order of their keys: a dictionary, which has none of its own, and what
        /// a type writes beside one.
        case sortedObject

        var isObject: Bool { self == .object || self == .sortedObject }
    }

    enum Single {
        case none
        /// It wrote all that there is.
        case whole
        /// It wrote a scalar where there was a container already, which counts.
        case beside
    }

    /// No other frame of the encoding has it.
    let id: Int
    let start: Int
    var kind = Kind.undecided
    /// How many elements or members it has.
    var count = 0
    /// Of an object: where its members are in the list of them.
    var firstMember = 0
    /// Of an object: the marks of the keys that it has.
    var keys: UInt64 = 0
    /// What its single-value container has been asked for.
    var single = Single.none
    /// Whether what its single-value container wrote can't be gone on with; see ``ValueEncoding/seal()``.
    var isSealed = false
    /// Whether it is one dictionary, no two of whose keys are alike.
    var isDictionary = false
    /// Whether a key has been written twice: the later member counts.
    var hasReplaced = false
    /// Where the children that belong here are in the list of them.
    let firstChild: Int
}
