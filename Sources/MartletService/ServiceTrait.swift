#if !Service
#error("The product 'MartletService' needs the trait Service of the package martlet, which this build has left out")
#endif
