package ck

// Return values of PKCS#11 v3.2, section 4.3 and pkcs11t.h: RPINIncorrect is CKR_PIN_INCORRECT.
const (
	ROK                            uint = 0x0
	RCancel                        uint = 0x1
	RHostMemory                    uint = 0x2
	RSlotIdInvalid                 uint = 0x3
	RGeneralError                  uint = 0x5
	RFunctionFailed                uint = 0x6
	RArgumentsBad                  uint = 0x7
	RNoEvent                       uint = 0x8
	RNeedToCreateThreads           uint = 0x9
	RCantLock                      uint = 0xa
	RAttributeReadOnly             uint = 0x10
	RAttributeSensitive            uint = 0x11
	RAttributeTypeInvalid          uint = 0x12
	RAttributeValueInvalid         uint = 0x13
	RActionProhibited              uint = 0x1b
	RDataInvalid                   uint = 0x20
	RDataLenRange                  uint = 0x21
	RDeviceError                   uint = 0x30
	RDeviceMemory                  uint = 0x31
	RDeviceRemoved                 uint = 0x32
	REncryptedDataInvalid          uint = 0x40
	REncryptedDataLenRange         uint = 0x41
	RAEADDecryptFailed             uint = 0x42
	RFunctionCanceled              uint = 0x50
	RFunctionNotParallel           uint = 0x51
	RFunctionNotSupported          uint = 0x54
	RKeyHandleInvalid              uint = 0x60
	RKeySizeRange                  uint = 0x62
	RKeyTypeInconsistent           uint = 0x63
	RKeyNotNeeded                  uint = 0x64
	RKeyChanged                    uint = 0x65
	RKeyNeeded                     uint = 0x66
	RKeyIndigestible               uint = 0x67
	RKeyFunctionNotPermitted       uint = 0x68
	RKeyNotWrappable               uint = 0x69
	RKeyUnextractable              uint = 0x6a
	RMechanismInvalid              uint = 0x70
	RMechanismParamInvalid         uint = 0x71
	RObjectHandleInvalid           uint = 0x82
	ROperationActive               uint = 0x90
	ROperationNotInitialized       uint = 0x91
	RPINIncorrect                  uint = 0xa0
	RPINInvalid                    uint = 0xa1
	RPINLenRange                   uint = 0xa2
	RPINExpired                    uint = 0xa3
	RPINLocked                     uint = 0xa4
	RSessionClosed                 uint = 0xb0
	RSessionCount                  uint = 0xb1
	RSessionHandleInvalid          uint = 0xb3
	RSessionParallelNotSupported   uint = 0xb4
	RSessionReadOnly               uint = 0xb5
	RSessionExists                 uint = 0xb6
	RSessionReadOnlyExists         uint = 0xb7
	RSessionReadWriteSOExists      uint = 0xb8
	RSignatureInvalid              uint = 0xc0
	RSignatureLenRange             uint = 0xc1
	RTemplateIncomplete            uint = 0xd0
	RTemplateInconsistent          uint = 0xd1
	RTokenNotPresent               uint = 0xe0
	RTokenNotRecognized            uint = 0xe1
	RTokenWriteProtected           uint = 0xe2
	RUnwrappingKeyHandleInvalid    uint = 0xf0
	RUnwrappingKeySizeRange        uint = 0xf1
	RUnwrappingKeyTypeInconsistent uint = 0xf2
	RUserAlreadyLoggedIn           uint = 0x100
	RUserNotLoggedIn               uint = 0x101
	RUserPINNotInitialized         uint = 0x102
	RUserTypeInvalid               uint = 0x103
	RUserAnotherAlreadyLoggedIn    uint = 0x104
	RUserTooManyTypes              uint = 0x105
	RWrappedKeyInvalid             uint = 0x110
	RWrappedKeyLenRange            uint = 0x112
	RWrappingKeyHandleInvalid      uint = 0x113
	RWrappingKeySizeRange          uint = 0x114
	RWrappingKeyTypeInconsistent   uint = 0x115
	RRandomSeedNotSupported        uint = 0x120
	RRandomNoRNG                   uint = 0x121
	RDomainParamsInvalid           uint = 0x130
	RCurveNotSupported             uint = 0x140
	RBufferTooSmall                uint = 0x150
	RSavedStateInvalid             uint = 0x160
	RInformationSensitive          uint = 0x170
	RStateUnsaveable               uint = 0x180
	RCryptokiNotInitialized        uint = 0x190
	RCryptokiAlreadyInitialized    uint = 0x191
	RMutexBad                      uint = 0x1a0
	RMutexNotLocked                uint = 0x1a1
	RNewPINMode                    uint = 0x1b0
	RNextOTP                       uint = 0x1b1
	RExceededMaxIterations         uint = 0x1b5
	RFIPSSelfTestFailed            uint = 0x1b6
	RLibraryLoadFailed             uint = 0x1b7
	RPINTooWeak                    uint = 0x1b8
	RPublicKeyInvalid              uint = 0x1b9
	RFunctionRejected              uint = 0x200
	RTokenResourceExceeded         uint = 0x201
	ROperationCancelFailed         uint = 0x202
	RKeyExhausted                  uint = 0x203
	RPending                       uint = 0x204
	RSessionAsyncNotSupported      uint = 0x205
	RSeedRandomRequired            uint = 0x206
	ROperationNotValidated         uint = 0x207
	RTokenNotInitialized           uint = 0x208
	RParameterSetNotSupported      uint = 0x209
	RVendorDefined                 uint = 0x80000000
)

// CodeName returns the name of a return value as the standard writes it, or "" for one that it does not define.
func CodeName(code uint) string {
	switch code {
	case ROK:
		return "CKR_OK"
	case RCancel:
		return "CKR_CANCEL"
	case RHostMemory:
		return "CKR_HOST_MEMORY"
	case RSlotIdInvalid:
		return "CKR_SLOT_ID_INVALID"
	case RGeneralError:
		return "CKR_GENERAL_ERROR"
	case RFunctionFailed:
		return "CKR_FUNCTION_FAILED"
	case RArgumentsBad:
		return "CKR_ARGUMENTS_BAD"
	case RNoEvent:
		return "CKR_NO_EVENT"
	case RNeedToCreateThreads:
		return "CKR_NEED_TO_CREATE_THREADS"
	case RCantLock:
		return "CKR_CANT_LOCK"
	case RAttributeReadOnly:
		return "CKR_ATTRIBUTE_READ_ONLY"
	case RAttributeSensitive:
		return "CKR_ATTRIBUTE_SENSITIVE"
	case RAttributeTypeInvalid:
		return "CKR_ATTRIBUTE_TYPE_INVALID"
	case RAttributeValueInvalid:
		return "CKR_ATTRIBUTE_VALUE_INVALID"
	case RActionProhibited:
		return "CKR_ACTION_PROHIBITED"
	case RDataInvalid:
		return "CKR_DATA_INVALID"
	case RDataLenRange:
		return "CKR_DATA_LEN_RANGE"
	case RDeviceError:
		return "CKR_DEVICE_ERROR"
	case RDeviceMemory:
		return "CKR_DEVICE_MEMORY"
	case RDeviceRemoved:
		return "CKR_DEVICE_REMOVED"
	case REncryptedDataInvalid:
		return "CKR_ENCRYPTED_DATA_INVALID"
	case REncryptedDataLenRange:
		return "CKR_ENCRYPTED_DATA_LEN_RANGE"
	case RAEADDecryptFailed:
		return "CKR_AEAD_DECRYPT_FAILED"
	case RFunctionCanceled:
		return "CKR_FUNCTION_CANCELED"
	case RFunctionNotParallel:
		return "CKR_FUNCTION_NOT_PARALLEL"
	case RFunctionNotSupported:
		return "CKR_FUNCTION_NOT_SUPPORTED"
	case RKeyHandleInvalid:
		return "CKR_KEY_HANDLE_INVALID"
	case RKeySizeRange:
		return "CKR_KEY_SIZE_RANGE"
	case RKeyTypeInconsistent:
		return "CKR_KEY_TYPE_INCONSISTENT"
	case RKeyNotNeeded:
		return "CKR_KEY_NOT_NEEDED"
	case RKeyChanged:
		return "CKR_KEY_CHANGED"
	case RKeyNeeded:
		return "CKR_KEY_NEEDED"
	case RKeyIndigestible:
		return "CKR_KEY_INDIGESTIBLE"
	case RKeyFunctionNotPermitted:
		return "CKR_KEY_FUNCTION_NOT_PERMITTED"
	case RKeyNotWrappable:
		return "CKR_KEY_NOT_WRAPPABLE"
	case RKeyUnextractable:
		return "CKR_KEY_UNEXTRACTABLE"
	case RMechanismInvalid:
		return "CKR_MECHANISM_INVALID"
	case RMechanismParamInvalid:
		return "CKR_MECHANISM_PARAM_INVALID"
	case RObjectHandleInvalid:
		return "CKR_OBJECT_HANDLE_INVALID"
	case ROperationActive:
		return "CKR_OPERATION_ACTIVE"
	case ROperationNotInitialized:
		return "CKR_OPERATION_NOT_INITIALIZED"
	case RPINIncorrect:
		return "CKR_PIN_INCORRECT"
	case RPINInvalid:
		return "CKR_PIN_INVALID"
	case RPINLenRange:
		return "CKR_PIN_LEN_RANGE"
	case RPINExpired:
		return "CKR_PIN_EXPIRED"
	case RPINLocked:
		return "CKR_PIN_LOCKED"
	case RSessionClosed:
		return "CKR_SESSION_CLOSED"
	case RSessionCount:
		return "CKR_SESSION_COUNT"
	case RSessionHandleInvalid:
		return "CKR_SESSION_HANDLE_INVALID"
	case RSessionParallelNotSupported:
		return "CKR_SESSION_PARALLEL_NOT_SUPPORTED"
	case RSessionReadOnly:
		return "CKR_SESSION_READ_ONLY"
	case RSessionExists:
		return "CKR_SESSION_EXISTS"
	case RSessionReadOnlyExists:
		return "CKR_SESSION_READ_ONLY_EXISTS"
	case RSessionReadWriteSOExists:
		return "CKR_SESSION_READ_WRITE_SO_EXISTS"
	case RSignatureInvalid:
		return "CKR_SIGNATURE_INVALID"
	case RSignatureLenRange:
		return "CKR_SIGNATURE_LEN_RANGE"
	case RTemplateIncomplete:
		return "CKR_TEMPLATE_INCOMPLETE"
	case RTemplateInconsistent:
		return "CKR_TEMPLATE_INCONSISTENT"
	case RTokenNotPresent:
		return "CKR_TOKEN_NOT_PRESENT"
	case RTokenNotRecognized:
		return "CKR_TOKEN_NOT_RECOGNIZED"
	case RTokenWriteProtected:
		return "CKR_TOKEN_WRITE_PROTECTED"
	case RUnwrappingKeyHandleInvalid:
		return "CKR_UNWRAPPING_KEY_HANDLE_INVALID"
	case RUnwrappingKeySizeRange:
		return "CKR_UNWRAPPING_KEY_SIZE_RANGE"
	case RUnwrappingKeyTypeInconsistent:
		return "CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT"
	case RUserAlreadyLoggedIn:
		return "CKR_USER_ALREADY_LOGGED_IN"
	case RUserNotLoggedIn:
		return "CKR_USER_NOT_LOGGED_IN"
	case RUserPINNotInitialized:
		return "CKR_USER_PIN_NOT_INITIALIZED"
	case RUserTypeInvalid:
		return "CKR_USER_TYPE_INVALID"
	case RUserAnotherAlreadyLoggedIn:
		return "CKR_USER_ANOTHER_ALREADY_LOGGED_IN"
	case RUserTooManyTypes:
		return "CKR_USER_TOO_MANY_TYPES"
	case RWrappedKeyInvalid:
		return "CKR_WRAPPED_KEY_INVALID"
	case RWrappedKeyLenRange:
		return "CKR_WRAPPED_KEY_LEN_RANGE"
	case RWrappingKeyHandleInvalid:
		return "CKR_WRAPPING_KEY_HANDLE_INVALID"
	case RWrappingKeySizeRange:
		return "CKR_WRAPPING_KEY_SIZE_RANGE"
	case RWrappingKeyTypeInconsistent:
		return "CKR_WRAPPING_KEY_TYPE_INCONSISTENT"
	case RRandomSeedNotSupported:
		return "CKR_RANDOM_SEED_NOT_SUPPORTED"
	case RRandomNoRNG:
		return "CKR_RANDOM_NO_RNG"
	case RDomainParamsInvalid:
		return "CKR_DOMAIN_PARAMS_INVALID"
	case RCurveNotSupported:
		return "CKR_CURVE_NOT_SUPPORTED"
	case RBufferTooSmall:
		return "CKR_BUFFER_TOO_SMALL"
	case RSavedStateInvalid:
		return "CKR_SAVED_STATE_INVALID"
	case RInformationSensitive:
		return "CKR_INFORMATION_SENSITIVE"
	case RStateUnsaveable:
		return "CKR_STATE_UNSAVEABLE"
	case RCryptokiNotInitialized:
		return "CKR_CRYPTOKI_NOT_INITIALIZED"
	case RCryptokiAlreadyInitialized:
		return "CKR_CRYPTOKI_ALREADY_INITIALIZED"
	case RMutexBad:
		return "CKR_MUTEX_BAD"
	case RMutexNotLocked:
		return "CKR_MUTEX_NOT_LOCKED"
	case RNewPINMode:
		return "CKR_NEW_PIN_MODE"
	case RNextOTP:
		return "CKR_NEXT_OTP"
	case RExceededMaxIterations:
		return "CKR_EXCEEDED_MAX_ITERATIONS"
	case RFIPSSelfTestFailed:
		return "CKR_FIPS_SELF_TEST_FAILED"
	case RLibraryLoadFailed:
		return "CKR_LIBRARY_LOAD_FAILED"
	case RPINTooWeak:
		return "CKR_PIN_TOO_WEAK"
	case RPublicKeyInvalid:
		return "CKR_PUBLIC_KEY_INVALID"
	case RFunctionRejected:
		return "CKR_FUNCTION_REJECTED"
	case RTokenResourceExceeded:
		return "CKR_TOKEN_RESOURCE_EXCEEDED"
	case ROperationCancelFailed:
		return "CKR_OPERATION_CANCEL_FAILED"
	case RKeyExhausted:
		return "CKR_KEY_EXHAUSTED"
	case RPending:
		return "CKR_PENDING"
	case RSessionAsyncNotSupported:
		return "CKR_SESSION_ASYNC_NOT_SUPPORTED"
	case RSeedRandomRequired:
		return "CKR_SEED_RANDOM_REQUIRED"
	case ROperationNotValidated:
		return "CKR_OPERATION_NOT_VALIDATED"
	case RTokenNotInitialized:
		return "CKR_TOKEN_NOT_INITIALIZED"
	case RParameterSetNotSupported:
		return "CKR_PARAMETER_SET_NOT_SUPPORTED"
	case RVendorDefined:
		return "CKR_VENDOR_DEFINED"
	}
	return ""
}
