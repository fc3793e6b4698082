import Martlet
import MartletConsole

extension Fleet {
    /// The node that shows every series there is, whoever publishes it, and hears who is alive.
    func screen(on connection: any Connection, display: LiveDisplay) -> Node {
        Node("screen", on: connection, options: options) {
            Subscribe(to: FleetContracts.allSeries) { received in
                let series = FleetContracts.series(of: received.topic)
                display.update(series, to: received.value.value, unit: received.value.unit)
                tally.count { $0.shown += 1 }
            }
            Subscribe(to: FleetContracts.heartbeats) { received in
                guard let node = received.topic.segments.first else { return }
                tally.count { $0.heartbeats[node, default: 0] += 1 }
            }
        }
    }
}
