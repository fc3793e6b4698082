import IntegrationSupport

/// What Python peers say and hear; Martlet has a type of the same name.
typealias JSON = IntegrationSupport.JSON
