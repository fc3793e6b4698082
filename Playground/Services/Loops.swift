import Martlet
import MartletMQTT
import MartletService
import Synchronization

/// Loops that take turns, one of which ends itself.
struct Loops: ServiceProgram {
    let service: ServiceContext<MQTTConnection, NoSettings>

    var components: [any Component] {
        let count = Mutex(0)
        Consecutive {
            Every(.milliseconds(100)) { try await service.publish("still here", to: "steady") }
            Every(.milliseconds(50)) { () -> Tick in
                let number = count.withLock { count in
                    count += 1
                    return count
                }
                try await service.publish(number, to: "count")
                return number < 3 ? .again : .stop
            }
        }
    }
}
