/// What becomes of a component that fails: whose `run` throws although nobody cancelled it.
public enum FailurePolicy: Sendable, Hashable {
    /// It is run again after a delay. When the back-off's attempts are exhausted it is as with ``endNode``. A component
    /// that has run for longer than the longest delay counts its attempts anew.
    case restart(Backoff = Backoff())
    /// It ends; the others go on.
    case end
    /// The node ends, and its `run()` throws the component's error. Inside a ``Group`` it is the group that fails, and
    /// its policy that decides.
    case endNode
}
