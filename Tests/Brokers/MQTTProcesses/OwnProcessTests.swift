import Testing

/// Tests of what a whole process uses, each in a process of its own, one after the other.
///
/// They are a module of their own because who waits for such a process holds a thread that all tasks share: other tests
/// would have one less.
@Suite(.serialized, .timeLimit(.minutes(10))) enum OwnProcessTests {}
