/// What is encoded apart, because it may still be written to after what follows it: a nested container, or what a
/// superclass writes.
struct EncodingChild {
    /// Where it belongs.
    var offset: Int
    let encoding: ValueEncoding
}
