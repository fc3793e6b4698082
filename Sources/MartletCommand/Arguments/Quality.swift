import ArgumentParser
import Martlet

/// How surely a message arrives, by the numbers that MQTT gives it.
enum Quality: Int, ExpressibleByArgument, CaseIterable, Sendable {
    case atMostOnce = 0
    case atLeastOnce = 1
    case exactlyOnce = 2

    var guarantee: Guarantee {
        switch self {
        case .atMostOnce: .atMostOnce
        case .atLeastOnce: .atLeastOnce
        case .exactlyOnce: .exactlyOnce
        }
    }
}

extension Guarantee {
    /// The least by which a broker says whether it has taken a message.
    static func best(of broker: any Connection) -> Guarantee {
        broker.capabilities.contains(.confirmedPublish) ? .atLeastOnce : .atMostOnce
    }
}
