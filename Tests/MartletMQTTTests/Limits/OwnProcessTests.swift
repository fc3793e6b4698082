import Testing

/// Tests of what a whole process uses, each in a process of its own.
///
/// One after the other: each process that tests start inherits the pipe by which the ones before tell how they ended,
/// and who waits for its end holds a thread that all tasks share.
@Suite(.serialized, .timeLimit(.minutes(5))) enum OwnProcessTests {}
