import Martlet
import MartletMQTT
import MartletService

/// Handlers of topics: below the service's own and elsewhere, with and without wildcards.
struct Handlers: ServiceProgram {
    let service: ServiceContext<MQTTConnection, NoSettings>

    var components: [any Component] {
        Handle("powersave") { (isOn: Bool) in print("powersave is \(isOn ? "on" : "off")") }
        Handle("sms/send/#") { (text: String, number: String) in print("to \(number): \(text)") }
        Handle(.global("radio_receiver/devices/Oregon-v1/temperature_C")) { (temperature: Double) in
            print("it is \(temperature) °C")
        }
        Handle(.global("radio_receiver/devices/TPMS/#")) { (text: String, sensor: String) in
            print("tyre \(sensor): \(text)")
        }
    }
}
