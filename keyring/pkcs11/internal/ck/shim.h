/* The few calls that handle secrets or that must be fast. Declarations follow PKCS#11 v2.40 (pkcs11t.h, pkcs11f.h), which every later
   version extends without changing. On Unix all structures have natural alignment. */
#include <stddef.h>

typedef unsigned long ck_ulong;
typedef ck_ulong (*ck_fn)(void);

/* CK_FUNCTION_LIST: a version and 68 functions in a fixed order. */
struct ck_list {
	unsigned char version[2];
	ck_fn fn[68];
};

/* signet_load opens a module and returns its function list, or NULL with the reason as a terminated string in reason[0..n). The module is
   never unloaded. */
struct ck_list *signet_load(const char *path, char *reason, size_t n);

/* signet_crypt runs C_EncryptInit and C_Encrypt, or C_DecryptInit and C_Decrypt, with AES-GCM and a 128-bit tag. *step is 0 when Init
   failed and 1 after it. The output buffer is the caller's: nothing is allocated, so nothing leaks and no plaintext stays in the C heap. */
ck_ulong signet_crypt(struct ck_list *l, int decrypt, ck_ulong session, ck_ulong key, unsigned char *iv, unsigned char *aad,
	ck_ulong aad_len, unsigned char *src, ck_ulong src_len, unsigned char *dst, ck_ulong *dst_len, int *step);

/* signet_decrypt_oaep runs C_DecryptInit and C_Decrypt with RSA-OAEP and an empty label. The rest is as in signet_crypt. */
ck_ulong signet_decrypt_oaep(struct ck_list *l, ck_ulong session, ck_ulong key, ck_ulong hash, ck_ulong mgf, unsigned char *src,
	ck_ulong src_len, unsigned char *dst, ck_ulong *dst_len, int *step);

ck_ulong signet_random(struct ck_list *l, ck_ulong session, unsigned char *dst, ck_ulong len);
ck_ulong signet_login(struct ck_list *l, ck_ulong session, ck_ulong user, unsigned char *pin, ck_ulong len);
