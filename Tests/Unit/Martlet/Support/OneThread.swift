import Foundation
import Testing

extension Trait where Self == ConditionTrait {
    /// The test computes for long on one thread: whoever looks for data races has no use for it.
    static var onOneThread: Self {
        .disabled(
            if: ProcessInfo.processInfo.environment["MARTLET_SANITIZER"] == "thread",
            "On one thread there are no data races."
        )
    }
}
