//go:build cgo && unix

#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>

/* Positions in CK_FUNCTION_LIST. */
enum {
	FN_LOGIN = 18,
	FN_ENCRYPT_INIT = 29,
	FN_ENCRYPT = 30,
	FN_DECRYPT_INIT = 33,
	FN_DECRYPT = 34,
	FN_GENERATE_RANDOM = 64
};

struct ck_mechanism {
	ck_ulong mechanism;
	void *parameter;
	ck_ulong parameter_len;
};

struct ck_gcm_params {
	unsigned char *iv;
	ck_ulong iv_len;
	ck_ulong iv_bits;
	unsigned char *aad;
	ck_ulong aad_len;
	ck_ulong tag_bits;
};

struct ck_oaep_params {
	ck_ulong hash;
	ck_ulong mgf;
	ck_ulong source;
	void *source_data;
	ck_ulong source_data_len;
};

typedef ck_ulong (*get_list_fn)(struct ck_list **);
typedef ck_ulong (*init_fn)(ck_ulong, struct ck_mechanism *, ck_ulong);
typedef ck_ulong (*crypt_fn)(ck_ulong, unsigned char *, ck_ulong, unsigned char *, ck_ulong *);
typedef ck_ulong (*random_fn)(ck_ulong, unsigned char *, ck_ulong);
typedef ck_ulong (*login_fn)(ck_ulong, ck_ulong, unsigned char *, ck_ulong);

struct ck_list *signet_load(const char *path, char *reason, size_t n)
{
	struct ck_list *list = NULL;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		snprintf(reason, n, "%s", dlerror());
		return NULL;
	}
	get_list_fn get = (get_list_fn)dlsym(handle, "C_GetFunctionList");
	if (get == NULL) {
		snprintf(reason, n, "%s", "not a PKCS#11 module: it has no C_GetFunctionList");
		return NULL;
	}
	if (get(&list) != 0 || list == NULL || list->version[0] < 2) {
		snprintf(reason, n, "%s", "not a PKCS#11 module: C_GetFunctionList gives no usable list");
		return NULL;
	}
	return list;
}

ck_ulong signet_crypt(struct ck_list *l, int decrypt, ck_ulong session, ck_ulong key, unsigned char *iv, unsigned char *aad,
	ck_ulong aad_len, unsigned char *src, ck_ulong src_len, unsigned char *dst, ck_ulong *dst_len, int *step)
{
	struct ck_gcm_params p = {iv, 12, 96, aad, aad_len, 128};
	struct ck_mechanism m = {0x1087 /* CKM_AES_GCM */, &p, sizeof p};
	init_fn init = (init_fn)l->fn[decrypt ? FN_DECRYPT_INIT : FN_ENCRYPT_INIT];
	crypt_fn crypt = (crypt_fn)l->fn[decrypt ? FN_DECRYPT : FN_ENCRYPT];
	ck_ulong rv;

	*step = 0;
	rv = init(session, &m, key);
	if (rv != 0)
		return rv;
	*step = 1;
	return crypt(session, src, src_len, dst, dst_len);
}

ck_ulong signet_decrypt_oaep(struct ck_list *l, ck_ulong session, ck_ulong key, ck_ulong hash, ck_ulong mgf, unsigned char *src,
	ck_ulong src_len, unsigned char *dst, ck_ulong *dst_len, int *step)
{
	struct ck_oaep_params p = {hash, mgf, 1 /* CKZ_DATA_SPECIFIED */, NULL, 0};
	struct ck_mechanism m = {0x9 /* CKM_RSA_PKCS_OAEP */, &p, sizeof p};
	ck_ulong rv;

	*step = 0;
	rv = ((init_fn)l->fn[FN_DECRYPT_INIT])(session, &m, key);
	if (rv != 0)
		return rv;
	*step = 1;
	return ((crypt_fn)l->fn[FN_DECRYPT])(session, src, src_len, dst, dst_len);
}

ck_ulong signet_random(struct ck_list *l, ck_ulong session, unsigned char *dst, ck_ulong len)
{
	return ((random_fn)l->fn[FN_GENERATE_RANDOM])(session, dst, len);
}

ck_ulong signet_login(struct ck_list *l, ck_ulong session, ck_ulong user, unsigned char *pin, ck_ulong len)
{
	return ((login_fn)l->fn[FN_LOGIN])(session, user, pin, len);
}
