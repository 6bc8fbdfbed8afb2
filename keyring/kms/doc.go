// Package kms has keyrings over keys of AWS KMS.
//
//	k, err := kms.New(ctx, kms.Config{KeyID: "arn:aws:kms:eu-west-1:111122223333:key/…", Client: client})
//
// [New] is for one symmetric key, [NewMRK] for one that has replicas in other regions, [NewDiscovery] and [NewMRKDiscovery] decrypt with whatever key a
// message names, within a filter. [NewMulti] and [NewDiscoveryMulti] make them for several regions, with a client for each from a [Supplier].
// [NewRSA] and [NewECDH] are for asymmetric keys.
//
// A data key is made by GenerateDataKey; a keyring that is not the first of a multi-keyring wraps it with Encrypt; Decrypt opens it, always with
// the id of the key that it must be under. The encryption context of a message is that of each of these calls, so that key policies and
// CloudTrail see its pairs in the clear; the calls of [NewRSA] and [NewECDH] have none. Retries are the SDK's alone: see [NewSupplier].
//
// Sources: AWS Encryption SDK specification, framework/aws-kms; AWS KMS API reference.
package kms
