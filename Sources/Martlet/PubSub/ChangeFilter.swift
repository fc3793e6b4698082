/// When a publisher that is given the same value again publishes it.
public enum ChangeFilter: Sendable, Hashable {
    /// Every time.
    case none
    /// Only if it differs from the last one published; with a maximum age also if that one is older.
    case onlyIfChanged(maximumAge: Duration? = nil)

    /// Only if it differs from the last one published.
    public static var onlyIfChanged: ChangeFilter { .onlyIfChanged(maximumAge: nil) }
}
