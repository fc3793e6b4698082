import Martlet
import MartletSettings

extension SettingsError {
    /// What the command says about it.
    ///
    /// - Parameter file: `nil`: the command line said it all.
    func failure(in file: String?) -> Failure {
        guard let file else { return Failure(.usage, message) }
        if isUnreadable { return Failure(.noInput, "\(quoted(file)): \(message)") }
        return Failure(
            .usage,
            "\(from(file))",
            advice: "The documentation's article on bridges has a table of all keys."
        )
    }
}
