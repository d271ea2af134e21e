// One of several: a list that opens (devices, languages), a row of a few (themes), and yes or no.

import { RadioGroup } from '@kobalte/core/radio-group'
import { Select } from '@kobalte/core/select'
import { Switch } from '@kobalte/core/switch'
import { Check, ChevronsUpDown } from 'lucide-solid'
import { For, Show } from 'solid-js'
import './choice.css'

export interface Option {
  id: string
  name: string
}

interface PickProps {
  label: string
  options: readonly Option[]
  value: string | null
  onPick: (id: string) => void
  testid?: string
}

export function Pick(props: PickProps) {
  const chosen = () => props.options.find(({ id }) => id === props.value) ?? null
  return (
    <Select<Option>
      class="field"
      options={[...props.options]}
      optionValue="id"
      optionTextValue="name"
      value={chosen()}
      onChange={(option) => option && option.id !== props.value && props.onPick(option.id)}
      gutter={4}
      sameWidth
      itemComponent={(item) => (
        <Select.Item item={item.item} class="menu-item" data-option={item.item.rawValue.id}>
          <Select.ItemLabel class="menu-label">{item.item.rawValue.name}</Select.ItemLabel>
          <Select.ItemIndicator>
            <Check size={18} aria-hidden="true" />
          </Select.ItemIndicator>
        </Select.Item>
      )}
    >
      <Select.Label class="field-label">{props.label}</Select.Label>
      <Select.Trigger class="pick" data-testid={props.testid}>
        <Select.Value<Option> class="pick-value">{(state) => state.selectedOption()?.name}</Select.Value>
        <Select.Icon class="pick-icon">
          <ChevronsUpDown size={16} aria-hidden="true" />
        </Select.Icon>
      </Select.Trigger>
      <Select.Portal>
        <Select.Content class="menu">
          <Select.Listbox class="menu-list" />
        </Select.Content>
      </Select.Portal>
    </Select>
  )
}

export function Segments(props: PickProps) {
  return (
    <RadioGroup
      class="field"
      value={props.value ?? ''}
      onChange={(id) => id !== props.value && props.onPick(id)}
      data-testid={props.testid}
    >
      <RadioGroup.Label class="field-label">{props.label}</RadioGroup.Label>
      <div class="segments">
        <For each={props.options}>
          {(option) => (
            <RadioGroup.Item value={option.id} class="segment" data-option={option.id}>
              <RadioGroup.ItemInput class="segment-input" />
              <RadioGroup.ItemControl class="segment-control">
                <RadioGroup.ItemLabel class="segment-label">{option.name}</RadioGroup.ItemLabel>
              </RadioGroup.ItemControl>
            </RadioGroup.Item>
          )}
        </For>
      </div>
    </RadioGroup>
  )
}

interface YesNoProps {
  label: string
  hint?: string
  value: boolean
  onChange: (value: boolean) => void
  testid?: string
}

export function YesNo(props: YesNoProps) {
  return (
    <Switch class="switch" checked={props.value} onChange={props.onChange}>
      <div class="switch-words">
        <Switch.Label class="switch-label">{props.label}</Switch.Label>
        <Show when={props.hint}>
          <Switch.Description class="field-hint">{props.hint}</Switch.Description>
        </Show>
      </div>
      <Switch.Input class="switch-input" data-testid={props.testid} />
      <Switch.Control class="switch-track">
        <Switch.Thumb class="switch-thumb" />
      </Switch.Control>
    </Switch>
  )
}
