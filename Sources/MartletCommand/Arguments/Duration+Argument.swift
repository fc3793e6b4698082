public import ArgumentParser
import Martlet
import MartletConsole

/// Times are written as `30s`, `500ms`, `2m`, `1.5h`, or in seconds.
extension Duration: @retroactive ExpressibleByArgument {
    /// `nil` if it is no such time, or zero.
    public init?(argument: String) {
        guard let duration = DurationText.duration(argument), duration > .zero else { return nil }
        self = duration
    }

    /// As it would be written.
    public var defaultValueDescription: String {
        let decimals = seconds == seconds.rounded() ? 0 : 1
        return seconds.formatted(decimals: decimals) + "s"
    }
}
