import { useI18n } from '../i18n'
import { ids } from '../testids'
import { Field } from '../ui/field'
import { type createAccountForm, MAX_NAME } from './form'

/** Name, username and password of a new account. */
export function AccountFields(props: { form: ReturnType<typeof createAccountForm> }) {
  const { t } = useI18n()
  const error = (field: 'displayName' | 'username' | 'password') => {
    const sentence = props.form.errors()[field]
    return sentence && t(sentence)
  }
  return (
    <>
      <Field
        label={t('account.displayName')}
        hint={t('account.displayNameHint')}
        value={props.form.account.displayName}
        onInput={props.form.setDisplayName}
        error={error('displayName')}
        autocomplete="name"
        maxLength={MAX_NAME}
        testid={ids.accountName}
      />
      <Field
        label={t('account.username')}
        hint={t('account.usernameHint')}
        value={props.form.account.username}
        onInput={props.form.setUsername}
        error={error('username')}
        autocomplete="username"
        maxLength={32}
        testid={ids.accountUsername}
      />
      <Field
        label={t('account.password')}
        hint={t('account.passwordHint')}
        value={props.form.account.password}
        onInput={props.form.setPassword}
        error={error('password')}
        autocomplete="new-password"
        maxLength={256}
        password
        testid={ids.accountPassword}
      />
    </>
  )
}
