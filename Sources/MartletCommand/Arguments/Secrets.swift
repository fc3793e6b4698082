import Martlet
import MartletBrokers

/// Keeps the passwords of URLs out of what is printed.
enum Secrets {
    /// A text without the secrets of the URLs among some arguments, which the text may quote.
    static func removed(from text: String, in arguments: [String]) -> String {
        var result = text
        for argument in arguments {
            // As a value of an option, too: `--name=mqtt://…`.
            let url = argument.hasPrefix("-") ? String(argument.drop { $0 != "=" }.dropFirst()) : argument
            guard url.contains("://") else { continue }
            let shown = BrokerAddress(url)?.description ?? String(url.prefix { $0 != ":" }) + "://…"
            result.replace(url, with: shown)
        }
        return result
    }

    /// The variables of an environment that a child process is not to have: this command's own with a secret in their URL,
    /// and what else holds a secret of the broker's URL.
    static func variables(of environment: [String: String], _ address: BrokerAddress) -> [String] {
        let secrets = address.secrets
        return environment.filter { name, value in
            if name.hasPrefix("MARTLET_"), let url = BrokerAddress(value), !url.secrets.isEmpty { return true }
            return secrets.contains { secret in
                value == secret || value.contains(":\(secret)@") || value.contains("=\(secret)&")
                    || value.hasSuffix("=\(secret)")
            }
        }.keys.sorted()
    }
}
