/// A value that is being encoded: where it starts, and what it has turned out to be.
struct EncodingFrame {
    enum Kind {
        case undecided
        case scalar
        case array
        case object
        /// An object whose members are put in the order of their keys: a dictionary, which has none of its own.
        case sortedObject
    }

    /// No other frame of the encoding has it.
    let id: Int
    let start: Int
    var kind = Kind.undecided
    /// How many elements or members it has.
    var count = 0
    /// Of a sorted object: where its members are in the list of them.
    var firstMember = 0
    /// Where the children that belong here are in the list of them.
    let firstChild: Int
}
