import MartletMQTT
import MartletService

/// Says that it is there, and when it is not.
struct Minimal: ServiceProgram {
    let service: ServiceContext<MQTTConnection, NoSettings>
}

/// The same, with something to do first.
struct MinimalWithInit: ServiceProgram {
    static let name = "minimal-with-init"
    let service: ServiceContext<MQTTConnection, NoSettings>

    init(service: Context) {
        self.service = service
        print("the minimal service begins")
    }
}
