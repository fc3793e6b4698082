/// The units of Home Assistant's classes of sensors, as of 2026.11. A class that is not among them may have any.
enum SensorUnits {
    /// By the device class; empty: a number without a unit.
    static let of: [String: [String]] = [
        "absolute_humidity": ["g/m³", "mg/m³"],
        "apparent_power": ["mVA", "VA", "kVA"],
        "aqi": [],
        "area": ["m²", "cm²", "km²", "mm²", "in²", "ft²", "yd²", "mi²", "ac", "ha"],
        "atmospheric_pressure": pressure,
        "battery": ["%"],
        "blood_glucose_concentration": ["mg/dL", "mmol/L"],
        "carbon_dioxide": ["ppm"],
        "carbon_monoxide": ["ppb", "ppm", "mg/m³", "μg/m³"],
        "conductivity": ["S/cm", "μS/cm", "mS/cm"],
        "current": ["μA", "mA", "A"],
        "data_rate": [
            "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "B/s", "kB/s", "MB/s", "GB/s", "KiB/s", "MiB/s", "GiB/s",
        ],
        "data_size": [
            "bit", "kbit", "Mbit", "Gbit", "B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB", "KiB", "MiB", "GiB",
            "TiB", "PiB", "EiB", "ZiB", "YiB",
        ],
        "distance": ["mm", "cm", "m", "km", "in", "ft", "yd", "mi", "nmi"],
        "duration": ["d", "h", "min", "s", "ms", "μs"],
        "energy": energy,
        "energy_distance": ["kWh/100km", "Wh/km", "mi/kWh", "km/kWh"],
        "energy_storage": energy,
        "frequency": ["mHz", "Hz", "kHz", "MHz", "GHz"],
        "gas": ["L", "m³", "ft³", "CCF", "MCF"],
        "humidity": ["%"],
        "illuminance": ["lx"],
        "irradiance": ["W/m²", "BTU/(h⋅ft²)"],
        "moisture": ["%"],
        "nitrogen_dioxide": ["ppb", "ppm", "μg/m³"],
        "nitrogen_monoxide": ["ppb", "μg/m³"],
        "nitrous_oxide": ["μg/m³"],
        "ozone": ["ppb", "ppm", "μg/m³"],
        "ph": [],
        "pm1": ["μg/m³"],
        "pm10": ["μg/m³"],
        "pm25": ["μg/m³"],
        "pm4": ["μg/m³"],
        "power": ["mW", "W", "kW", "MW", "GW", "TW"],
        "power_factor": ["%"],
        "precipitation": ["mm", "cm", "in"],
        "precipitation_intensity": flux,
        "pressure": pressure,
        "radon": ["Bq/m³", "pCi/L"],
        "reactive_energy": ["varh", "kvarh"],
        "reactive_power": ["mvar", "var", "kvar"],
        "signal_strength": ["dB", "dBm"],
        "sound_pressure": ["dB", "dBA"],
        "speed": speed + flux,
        "sulphur_dioxide": ["ppb", "μg/m³"],
        "temperature": temperature,
        "temperature_delta": temperature,
        "volatile_organic_compounds": ["μg/m³", "mg/m³"],
        "volatile_organic_compounds_parts": ["ppb", "ppm"],
        "voltage": ["μV", "mV", "V", "kV", "MV"],
        "volume": volume,
        "volume_flow_rate": [
            "m³/h", "m³/min", "m³/s", "ft³/min", "L/h", "L/min", "L/s", "gal/h", "gal/min", "gal/d", "mL/s",
        ],
        "volume_storage": volume,
        "water": ["L", "m³", "gal", "ft³", "CCF", "MCF"],
        "weight": ["g", "kg", "mg", "μg", "oz", "lb", "st"],
        "wind_direction": ["°"],
        "wind_speed": speed,
    ]

    private static let energy = [
        "J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal", "Mcal", "Gcal", "thm",
    ]
    private static let flux = ["mm/d", "mm/h", "in/d", "in/h"]
    private static let pressure = [
        "mPa", "Pa", "hPa", "kPa", "bar", "cbar", "mbar", "mmHg", "inHg", "inH₂O", "psi", "atm",
    ]
    private static let speed = ["m/s", "km/h", "kn", "mph", "ft/s", "in/s", "m/min", "mm/s", "Beaufort"]
    private static let temperature = ["°C", "°F", "K"]
    private static let volume = ["L", "mL", "m³", "ft³", "CCF", "MCF", "gal", "fl. oz."]

    /// A unit as Home Assistant writes it: with the Greek letter for a millionth rather than the sign that looks like it, and with `var`
    /// in small letters.
    static func usual(_ unit: String) -> String {
        let unit = unit.hasPrefix("\u{B5}") ? "\u{3BC}" + unit.dropFirst() : unit
        return ["mVAr", "VAr", "kVAr", "VArh", "kVArh"].contains(unit) ? unit.replacing("VAr", with: "var") : unit
    }
}
