/// Whether something is opened again whose channel the broker has ended, or has not opened. A pure value.
struct Reopening {
    private(set) var hasBeenOpen = false
    private var attempts = 0

    /// It is open.
    mutating func opened() {
        hasBeenOpen = true
        attempts = 0
    }

    /// Its channel is gone, though the link is not.
    ///
    /// - Returns: which attempt comes next, counted from 1. `nil` if it was never open: who wanted it knows.
    mutating func next() -> Int? {
        guard hasBeenOpen else { return nil }
        attempts += 1
        return attempts
    }
}
