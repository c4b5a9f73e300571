/* OpenSSL handles freed at the end of their scope. Internal to hsm. */
#ifndef HSM_AUTO_H
#define HSM_AUTO_H

/* Declares how a local `HSM_AUTO(name) type *` ends; every free function accepts NULL. */
#define HSM_AUTO_FREE(name_, type_, free_)                                                         \
    static inline void name_##_auto(type_ **handle)                                                \
    {                                                                                              \
        free_(*handle);                                                                            \
    }
#define HSM_AUTO(name_) __attribute__((cleanup(name_##_auto)))

#endif
