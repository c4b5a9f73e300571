/* OpenSSL handles freed at the end of their scope. Internal to hsm. */
#ifndef HSM_AUTO_H
#define HSM_AUTO_H

#include <openssl/crypto.h>
#include <stdint.h>

/* Declares how a local `HSM_AUTO(name) type *` ends; every free function accepts NULL. */
#define HSM_AUTO_FREE(name_, type_, free_)                                                         \
    static inline void name_##_auto(__typeof__(type_) **handle)                                    \
    {                                                                                              \
        free_(*handle);                                                                            \
    }
#define HSM_AUTO(name_) __attribute__((cleanup(name_##_auto)))

/* What OpenSSL allocated for an encoding; OPENSSL_free is a macro. */
static inline void octets_free(uint8_t *octets)
{
    OPENSSL_free(octets);
}
HSM_AUTO_FREE(octets, uint8_t, octets_free)

#endif
