package kms

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

var (
	_ = config.LoadDefaultConfig
	_ = retry.NewStandard
	_ = stscreds.NewAssumeRoleProvider
	_ *types.DisabledException
	_ *sts.Client
	_ smithy.APIError
	_ *aws.Config
	_ context.Context
	_ *kms.Client
)
