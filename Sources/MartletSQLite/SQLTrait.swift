#if !SQL
#error("The product 'MartletSQLite' needs the trait SQL of the package martlet, which this build has left out")
#endif
