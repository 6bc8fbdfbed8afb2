package ddb

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// EncryptItem fulfils [Protector]: declared attributes are encrypted, all others copied. An item without any, also an empty or nil one, gives
// a copy that is not nil. Errors are [*FieldError] for an attribute, and those of
// the resolver.
func (e *FieldEncryptor) EncryptItem(ctx context.Context, item Item) (Item, error) {
	out, _, err := e.eachField(ctx, opEncrypt, item)
	return out, err
}

// DecryptItem fulfils [Protector]: declared attributes that the item has are decrypted, all others copied. A declared attribute that is not
// encrypted is an error. A nil item, which GetItem returns when there is none, gives an empty one. Errors are [*FieldError] for an attribute, and those of the resolver.
func (e *FieldEncryptor) DecryptItem(ctx context.Context, item Item) (Item, *Info, error) {
	out, infos, err := e.eachField(ctx, opDecrypt, item)
	if err != nil {
		return nil, nil, err
	}
	return out, &Info{Attributes: infos}, nil
}

// eachField encrypts or decrypts the declared attributes of an item and copies the others. infos are those of decryption.
func (e *FieldEncryptor) eachField(ctx context.Context, op string, item Item) (Item, []AttributeInfo, error) {
	if len(e.cfg.Fields) == 0 {
		return nil, nil, configError("no field is declared, so nothing of the item would be encrypted")
	}
	names := make([]string, 0, len(e.cfg.Fields))
	for _, name := range e.cfg.Fields {
		if _, ok := item[name]; ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		out, err := e.assemble(op, item, nil, nil)
		return out, nil, err
	}
	c, err := e.begin(ctx, op, item)
	if err != nil {
		return nil, nil, err
	}
	values := make([]types.AttributeValue, len(names))
	var infos []AttributeInfo
	work := func(i int) (err error) {
		values[i], err = c.encrypt(ctx, names[i], item[names[i]])
		return err
	}
	if op == opDecrypt {
		infos = make([]AttributeInfo, len(names))
		work = func(i int) (err error) {
			values[i], err = c.decrypt(ctx, names[i], item[names[i]], &infos[i])
			return err
		}
	}
	if err := parallel(len(names), e.cfg.MaxConcurrency, work); err != nil {
		return nil, nil, err
	}
	out, err := e.assemble(op, item, names, values)
	return out, infos, err
}

func (e *FieldEncryptor) assemble(op string, item Item, names []string, values []types.AttributeValue) (Item, error) {
	out := make(Item, len(item))
	for i, name := range names {
		out[name] = values[i]
	}
	for name, v := range item {
		if _, done := out[name]; done {
			continue
		}
		copied, err := cloneValue(v, 0)
		if err != nil {
			return nil, &FieldError{op, name, err}
		}
		out[name] = copied
	}
	return out, nil
}

// parallel calls work for 0 to n-1, at most limit at once, the caller's goroutine included. After a failure no further call begins. The
// error is that of the smallest index that failed.
func parallel(n, limit int, work func(i int) error) error {
	var next atomic.Int64
	errs := make([]error, n)
	var crash atomic.Pointer[crashed]
	run := func() {
		defer func() {
			if v := recover(); v != nil {
				next.Store(int64(n))
				crash.CompareAndSwap(nil, &crashed{v, debug.Stack()})
			}
		}()
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			if errs[i] = work(i); errs[i] != nil {
				next.Store(int64(n))
			}
		}
	}
	var wg sync.WaitGroup
	for range min(n, limit) - 1 {
		wg.Go(run)
	}
	run()
	wg.Wait()
	if c := crash.Load(); c != nil {
		panic(c)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// crashed carries a panic of a worker, that of a keyring most likely, to the caller, who may recover from it.
type crashed struct {
	value any
	stack []byte
}

func (c *crashed) String() string { return fmt.Sprintf("%v\n\nin a worker:\n%s", c.value, c.stack) }
