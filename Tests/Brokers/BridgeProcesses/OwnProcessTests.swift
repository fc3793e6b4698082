import Testing

/// Tests of bridges in processes of their own, one after the other.
///
/// They are a module of their own because who waits for such a process holds a thread that all tasks share: other tests
/// would have one less, and two of these at a time none.
@Suite(.serialized) enum OwnProcessTests {}
