extension UInt64 {
    /// How far a counter has come since an earlier look at it.
    ///
    /// A counter that is smaller than it was has wrapped around, or its device has come back with a new one. How much
    /// was counted in between can't be known then, so the answer is zero, rather than a peak that never was.
    func increase(since earlier: UInt64) -> UInt64 {
        self >= earlier ? self - earlier : 0
    }
}
